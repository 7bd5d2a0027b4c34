import type { Socket } from "node:net";
import { type NetworkBehaviour, reliableNetwork } from "../../e2e/relay.ts";

/**
 * A network that can drop the packets of subscribing connections while both ends believe that they are connected, as with a
 * firewall that lost its state.
 */
export class SilentNetwork {
  /** The number of open connections that were silenced. */
  dropped = 0;
  readonly #subscribing = new Set<{ near: Socket; far: Socket }>();

  readonly behaviour: NetworkBehaviour = (near, far) => {
    const both = { near, far };
    near.on("data", (data) => {
      if (/\r\ns?subscribe\r\n/i.test(data.toString("latin1"))) this.#subscribing.add(both);
    });
    near.on("close", () => this.#subscribing.delete(both));
    reliableNetwork(near, far);
  };

  dropSubscriptions(): void {
    for (const { near, far } of this.#subscribing) {
      this.dropped++;
      far.unpipe(near);
      near.unpipe(far);
      far.removeAllListeners("close");
      far.destroy();
      near.resume();
    }
  }
}
