import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../lib/clock.ts";
import type { Link, LinkEvents } from "../../lib/link/link.ts";
import { type LinkListener, listenForLinks } from "../../lib/link/sockets.ts";
import type { MemberId } from "../cluster.ts";
import { Switchboard } from "../switchboard.ts";
import { clusterProtocol, type HostMessage, type MemberMessage } from "./messages.ts";

/** Where the workers of one machine meet: a switchboard in the supervisor's process, and a link to each of them. */
export class ClusterHost {
  readonly #path: string;
  /** The host's own process may join here. */
  readonly switchboard: Switchboard;
  readonly #links = new Map<MemberId, Link>();
  #listener: LinkListener | undefined;

  /** @param path where members connect; see lib/link/socket-path.ts */
  constructor(path: string, clock: Clock, expiryMs?: number) {
    this.#path = path;
    this.switchboard = new Switchboard(clock, expiryMs);
  }

  /** @throws Error when the path cannot be used */
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
        const word = JSON.parse(text) as MemberMessage;
        if (word.verb === "join") id = this.#seat(link, word);
        else if (id !== undefined && !this.#hear(id, link, word)) leave();
      },
      onClose: ({ cause }) => {
        if (cause !== undefined) log().error("{name} is cut off: {cause}", { name: link.peer, cause });
        leave();
      },
    };
  }

  #seat(link: Link, { state }: MemberMessage & { verb: "join" }): MemberId {
    const others = this.switchboard.members();
    const id = this.switchboard.join(state, {
      // Those who are there are told of in one word, with the newcomer's own name.
      onJoined: (member) => others.includes(member) || say(link, { verb: "joined", member }),
      onLeft: ({ id: left }) => say(link, { verb: "left", id: left }),
      onMessage: (from, message) => say(link, { verb: "message", from, message }),
      onReturned: () => undefined, // a link that was given up is cut, and comes back as another one
    });
    this.#links.set(id, link);
    say(link, { verb: "seated", id, others });
    return id;
  }

  /** @returns false where the member was given up meanwhile: it has to come anew */
  #hear(id: MemberId, link: Link, word: Exclude<MemberMessage, { verb: "join" }>): boolean {
    const board = this.switchboard;
    if (!board.isSeated(id)) {
      link.cut("it was silent for too long, and was given up");
      return false;
    }
    if (word.verb === "beat") {
      board.hear(id, word.state);
      for (const [other, its] of this.#links) {
        if (other !== id) say(its, { verb: "state", member: { id, state: word.state } });
      }
    } else if (word.verb === "send") board.send(id, word.to, word.message);
    else if (word.verb === "claim") say(link, { verb: "claimed", n: word.n, ...board.claim(id, word.claim) });
    else board.release(word.key, word.holder);
    return true;
  }
}

function say(link: Link, word: HostMessage): void {
  link.send(JSON.stringify(word));
}

function log() {
  return getLogger(["fanfare", "cluster"]);
}
