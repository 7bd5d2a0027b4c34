import { Cron } from "croner";

/** Longer expressions are refused: no useful one comes near. */
const maxLength = 200;
/** Parsed expressions that are kept, so that a schedule is not parsed for each of its occurrences. */
const maxParsed = 1000;

/** The rule in words, for errors. */
export const cronRule =
  "a cron expression of five fields (minute hour day month weekday), or six with seconds first, such as 0 9 * * MON-FRI";
export const tzRule = "an IANA time zone such as Europe/London";

/** The part of the library that is used. */
export type ParsedCron = Pick<Cron, "nextRun">;

/**
 * Computes the times of cron expressions in a time zone.
 *
 * An expression whose second, minute and hour are fixed (numbers, lists, ranges) fires once per local time. If the clocks skip
 * that time, it fires at the first instant after the gap; if they repeat it, it fires the first time only. An expression with `*` or
 * a step in one of these fields fires at its usual intervals, in a repeated hour too.
 */
export class CronTimes {
  readonly #parsed = new Map<string, ParsedCron>();
  readonly #parseNew: (expression: string, tz: string) => ParsedCron;

  /** @param parseNew parses an expression that is valid */
  constructor(parseNew: (expression: string, tz: string) => ParsedCron = parse) {
    this.#parseNew = parseNew;
  }

  /** The first time after `after`, milliseconds since 1970; undefined if there is none. */
  next(expression: string, tz: string, after: number): number | undefined {
    const time = this.#parse(expression, tz).nextRun(new Date(after))?.getTime();
    // A time that is not later would be fired again and again.
    return time !== undefined && time > after ? time : undefined;
  }

  #parse(expression: string, tz: string): ParsedCron {
    const key = `${tz} ${expression}`;
    const known = this.#parsed.get(key);
    if (known !== undefined) return known;
    if (this.#parsed.size >= maxParsed) this.#parsed.clear();
    const cron = this.#parseNew(expression, tz);
    this.#parsed.set(key, cron);
    return cron;
  }
}

/** Whether an expression can be parsed; if not, what is wrong with it. */
export function cronProblem(expression: string): string | undefined {
  if (expression.length > maxLength) return `at most ${maxLength} characters`;
  // The library also takes a date in place of an expression.
  if (!/^[A-Za-z0-9 *?,/#@+-]+$/.test(expression)) return cronRule;
  try {
    parse(expression, "UTC");
    return undefined;
  } catch {
    return cronRule; // the library's messages name its own concepts
  }
}

export function isTimeZone(name: string): boolean {
  // An offset such as +02:00 is not the name of a zone, and has no daylight saving time.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function parse(expression: string, timezone: string): Cron {
  return new Cron(expression, { paused: true, timezone, mode: "5-or-6-parts", fixedTimeRule: "no-wildcard" });
}
