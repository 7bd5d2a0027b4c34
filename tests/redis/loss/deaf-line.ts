import type { Socket } from "node:net";
import { cleanLine, type Line } from "../../e2e/relay.ts";

/**
 * A network on which the packets of connections that subscribe can be dropped: both ends still believe that they are
 * connected, as with a firewall that has forgotten them.
 */
export class DeafLine {
  /** Connections that were open and silenced. */
  dropped = 0;
  readonly #subscribing = new Set<{ near: Socket; far: Socket }>();

  readonly line: Line = (near, far) => {
    const both = { near, far };
    near.on("data", (data) => {
      if (/\r\ns?subscribe\r\n/i.test(data.toString("latin1"))) this.#subscribing.add(both);
    });
    near.on("close", () => this.#subscribing.delete(both));
    cleanLine(near, far);
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
