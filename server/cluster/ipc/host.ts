import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../lib/clock.ts";
import type { Link, LinkEvents } from "../../lib/link/link.ts";
import { type LinkListener, listenForLinks } from "../../lib/link/sockets.ts";
import type { MemberId } from "../cluster.ts";
import { Switchboard } from "../switchboard.ts";
import { clusterProtocol, type HostMessage, type MemberMessage } from "./messages.ts";

/** Connects the workers of one machine: a switchboard in the supervisor's process, and a link to each worker. */
export class ClusterHost {
  readonly #path: string;
  /** The host's own process may join here too. */
  readonly switchboard: Switchboard;
  readonly #links = new Map<MemberId, Link>();
  #listener: LinkListener | undefined;

  /** @param path the socket path for members; see lib/link/socket-path.ts */
  constructor(path: string, clock: Clock, expiryMs?: number) {
    this.#path = path;
    this.switchboard = new Switchboard(clock, expiryMs);
  }

  /** @throws Error if the path cannot be used */
  start(): void {
    const settings = { protocol: clusterProtocol, name: `host ${process.pid}` };
    this.#listener = listenForLinks(this.#path, settings, (link) => this.#welcome(link));
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#listener?.close();
    await Promise.all(Array.from(this.#links.values(), (link) => link.close()));
    this.switchboard.close();
  }

  #welcome(link: Link): LinkEvents {
    let id: MemberId | undefined;
    const leave = () => {
      if (id === undefined) return;
      this.#links.delete(id);
      this.switchboard.leave(id);
      id = undefined;
    };
    return {
      onOpen: () => undefined,
      onText: (text) => {
        const message = JSON.parse(text) as MemberMessage;
        if (message.verb === "join") id = this.#join(link, message);
        else if (id !== undefined && !this.#handle(id, link, message)) leave();
      },
      onClose: ({ cause }) => {
        if (cause !== undefined) log().error("{name} was disconnected: {cause}", { name: link.peer, cause });
        leave();
      },
    };
  }

  #join(link: Link, { state }: MemberMessage & { verb: "join" }): MemberId {
    const others = this.switchboard.members();
    const id = this.switchboard.join(state, {
      // The members that are there already are listed in the welcome.
      onJoined: (member) => others.includes(member) || send(link, { verb: "joined", member }),
      onLeft: ({ id: left }) => send(link, { verb: "left", id: left }),
      onMessage: (from, message) => send(link, { verb: "message", from, message }),
      onReturned: () => undefined, // the link of an expired member is closed, and the member reconnects
    });
    this.#links.set(id, link);
    send(link, { verb: "welcome", id, others });
    return id;
  }

  /** @returns false if the member has expired: it must join again */
  #handle(id: MemberId, link: Link, message: Exclude<MemberMessage, { verb: "join" }>): boolean {
    const board = this.switchboard;
    if (!board.isMember(id)) {
      link.cut("it sent no heartbeat for too long");
      return false;
    }
    if (message.verb === "beat") {
      if (board.beat(id, message.state) === "unchanged") return true;
      for (const [other, its] of this.#links) {
        if (other !== id) send(its, { verb: "state", member: { id, state: message.state } });
      }
    } else if (message.verb === "send") board.send(id, message.to, message.message);
    else if (message.verb === "claim") send(link, { verb: "claimed", n: message.n, ...board.claim(id, message.claim) });
    else board.release(message.key, message.holder);
    return true;
  }
}

function send(link: Link, message: HostMessage): void {
  link.send(JSON.stringify(message));
}

function log() {
  return getLogger(["fanfare", "cluster"]);
}
