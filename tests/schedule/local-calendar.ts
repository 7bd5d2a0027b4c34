const stepMs = 15 * 60_000;

/**
 * The local times of a zone, found by asking for the local time of each quarter of an hour. It knows nothing of time zone
 * rules and of the library under test.
 */
export class LocalCalendar {
  /** Each local time, such as `2026-10-25 01:30`, and the first instant that has it. */
  readonly #first = new Map<string, number>();
  /** All local times in the order of their instants. */
  readonly #order: (readonly [local: string, instant: number])[] = [];

  constructor(tz: string, from: number, to: number) {
    const format = new Intl.DateTimeFormat("sv-SE", {
      timeZone: tz,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    for (let instant = from; instant < to; instant += stepMs) {
      const local = format.format(instant);
      if (!this.#first.has(local)) this.#first.set(local, instant);
      this.#order.push([local, instant]);
    }
  }

  /**
   * When an expression with fixed minutes and hours fires, and `*` for everything else: each local time once; one that does
   * not exist at the first instant after it would be.
   */
  runsOf(expression: string): readonly number[] {
    const [minutes = "", hours = ""] = expression.split(" ");
    const clock = numbersIn(hours).flatMap((hour) => numbersIn(minutes).map((minute) => `${two(hour)}:${two(minute)}`));
    const days = new Set(this.#order.map(([local]) => local.slice(0, 10)));
    // The first day may have begun before the calendar does.
    const wanted = Array.from(days).flatMap((day) => clock.map((time) => `${day} ${time}`));
    const [begin = ""] = this.#order[0] ?? [];
    const instants = wanted.filter((local) => local >= begin).map((local) => this.#instantOf(local));
    return [...new Set(instants.filter((it) => it !== undefined))].toSorted((a, b) => a - b);
  }

  #instantOf(local: string): number | undefined {
    const known = this.#first.get(local);
    if (known !== undefined) return known;
    // It is in a gap, or after the end. A gap is shorter than a day, and the order is by instants, so this is quick enough.
    const day = local.slice(0, 10);
    const from = this.#first.get(`${day} 00:00`);
    return this.#order.find(([later, instant]) => instant >= (from ?? 0) && later > local)?.[1];
  }
}

/** `1,3-5` → 1, 3, 4, 5 */
function numbersIn(field: string): readonly number[] {
  return field.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  });
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
