import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Clock } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import type { Companions } from "./companions.ts";
import type { Witness } from "./witness.ts";

/** How long the others have to answer: longer than a member takes to reconnect after Redis is back. */
const patienceMs = 5000;
/** A member that was still reconnecting has not heard the question: it is asked again. */
const againMs = 500;

/** A channel whose record belongs to a life that is over. */
export interface OldRecord {
  readonly channel: ChannelName;
  readonly epoch: string;
  readonly top: number;
  readonly life: string;
}

/** What the members know of one old record. */
export interface Testimony {
  /** The highest offset that any of them has seen or acknowledged in this epoch. */
  readonly highest: number;
  /** All that lived a moment ago have answered, and one of them at least was connected in that life. */
  readonly isComplete: boolean;
}

type Message =
  | { readonly kind: "ask"; readonly from: string; readonly n: string; readonly records: readonly AskedRecord[] }
  | {
      readonly kind: "tell";
      readonly to: string;
      readonly from: string;
      readonly n: string;
      readonly known: readonly Known[];
    };

type AskedRecord = readonly [channel: ChannelName, epoch: string, life: string];
type Known = readonly [highest: number, knewLife: boolean];

interface Question {
  readonly answers: Map<string, readonly Known[]>;
  check(): void;
}

export interface TalkDependencies {
  readonly self: string;
  readonly companions: Companions;
  readonly witness: Witness;
  /** Lives that this member was connected in. */
  readonly lives: ReadonlySet<string>;
  /** Says something to all members. Rejects where it cannot be said now. */
  say(text: string): Promise<unknown>;
  readonly clock: Clock;
}

/** The members' talk about what Redis has lost: each says what it has seen. */
export class Talk {
  readonly #dependencies: TalkDependencies;
  readonly #questions = new Map<string, Question>();

  constructor(dependencies: TalkDependencies) {
    this.#dependencies = dependencies;
  }

  /** Asks all members that live, this one included, about up to a thousand records. One testimony per record, in order. */
  async ask(records: readonly OldRecord[]): Promise<readonly Testimony[]> {
    const { clock, companions, self } = this.#dependencies;
    const asked = records.map(({ channel, epoch, life }): AskedRecord => [channel, epoch, life]);
    const n = randomId(9);
    const answers = new Map<string, readonly Known[]>([[self, this.#knownOf(asked)]]);
    const { promise, resolve } = Promise.withResolvers<void>();
    const awaited = companions.living();
    const { isIntroduced } = companions;
    const missing = () => companions.living().filter((it) => !answers.has(it));
    const check = () => {
      if (missing().length === 0) resolve();
    };
    this.#questions.set(n, { answers, check });
    const patience = clock.setTimeout(resolve, patienceMs);
    let isOver = false;
    const repeat = async () => {
      while (!isOver) {
        check(); // somebody may have been given up meanwhile
        await this.#say({ kind: "ask", from: self, n, records: asked });
        await clock.sleep(againMs);
      }
    };
    if (missing().length > 0) void repeat();
    else resolve();
    await promise;
    isOver = true;
    patience.cancel();
    this.#questions.delete(n);
    // One that fell silent while it was asked may have seen more than all others, and come back.
    const hasAll =
      isIntroduced && missing().length === 0 && awaited.every((it) => answers.has(it) || companions.hasLeft(it));
    return asked.map((_, at) => {
      const known = Array.from(answers.values(), (it) => it[at] ?? ([0, false] as const));
      return { highest: Math.max(...known.map(([it]) => it)), isComplete: hasAll && known.some(([, knew]) => knew) };
    });
  }

  /** Something came over the talk's topic. */
  hear(text: string): void {
    const message = JSON.parse(text) as Message;
    const { self } = this.#dependencies;
    if (message.kind === "ask" && message.from !== self) {
      const known = this.#knownOf(message.records);
      void this.#say({ kind: "tell", to: message.from, from: self, n: message.n, known });
    } else if (message.kind === "tell" && message.to === self) {
      const question = this.#questions.get(message.n);
      question?.answers.set(message.from, message.known);
      question?.check();
    }
  }

  #knownOf(records: readonly AskedRecord[]): readonly Known[] {
    const { witness, lives } = this.#dependencies;
    return records.map(([channel, epoch, life]): Known => [witness.highest(channel, epoch), lives.has(life)]);
  }

  async #say(message: Message): Promise<void> {
    try {
      await this.#dependencies.say(JSON.stringify(message));
    } catch {
      // Cut off again: an asker asks again until its time is over, and then counts this one as missing.
    }
  }
}
