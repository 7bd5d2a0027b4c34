/** An event that an SSE library fired. */
export interface LibraryEvent {
  readonly library: string;
  /** Only of a message. */
  readonly data?: string;
  readonly opened?: boolean;
  /** An error was fired; true if the library gave up. */
  readonly closed?: boolean;
}

/** The events that one library reported for a stream of messages numbered from 1. */
export interface LibraryRecord {
  readonly library: string;
  readonly connects: number;
  readonly lost: number;
  readonly doubled: number;
  /** Events without data. */
  readonly empty: number;
  readonly hasGivenUp: boolean;
}

/** One record per library, by name. @param sent how many messages there were */
export function recordsOf(events: readonly LibraryEvent[], sent: number): readonly LibraryRecord[] {
  const byLibrary = Map.groupBy(events, ({ library }) => library);
  const records = Array.from(byLibrary, ([library, its]) => {
    const data = its.flatMap((it) => (it.data === undefined ? [] : [it.data]));
    const numbers = data.filter((it) => it !== "").map(numberOf);
    const seen = new Set(numbers);
    return {
      library,
      connects: its.filter(({ opened }) => opened).length,
      lost: sent - seen.size,
      doubled: numbers.length - seen.size,
      empty: data.filter((it) => it === "").length,
      hasGivenUp: its.some(({ closed }) => closed === true),
    };
  });
  return records.sort((a, b) => a.library.localeCompare(b.library));
}

function numberOf(data: string): number {
  return (JSON.parse(data) as { readonly offset: number }).offset;
}
