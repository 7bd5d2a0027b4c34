import type { Client, ConnectionState } from "../../client/index.ts";
import { find } from "./element.ts";

/** The button that disconnects, connects, or retries at once. */
export class ConnectionSwitch {
  readonly #button = find("connection-switch", HTMLButtonElement);
  #isOn = false;

  constructor(client: Pick<Client, "connect" | "close">) {
    this.#button.onclick = () => (this.#isOn ? client.close() : client.connect());
  }

  show({ status }: Pick<ConnectionState, "status">): void {
    this.#isOn = status === "connected" || status === "connecting";
    this.#button.textContent = this.#isOn ? "Disconnect" : status === "closed" ? "Connect" : "Connect now";
  }
}
