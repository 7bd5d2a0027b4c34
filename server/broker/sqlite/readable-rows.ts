import type { Database } from "bun:sqlite";

/** Rows per query. */
const pageRows = 500;

/**
 * The rows of a table that SQLite can still read, in the order of their key. At a damaged page it skips ahead by growing
 * distances until a row can be read, and then searches for the first readable row after the damage.
 * @param columns the columns to select; they include the key under its own name
 */
export function* readable<Row>(
  database: Database,
  { table, key, columns }: { readonly table: string; readonly key: string; readonly columns: string },
): Iterable<Row> {
  const query = database.query<Row & Readonly<Record<string, number>>, [number, number]>(
    `SELECT ${columns} FROM ${table} WHERE ${key} >= ? ORDER BY ${key} LIMIT ?`,
  );
  const read = (from: number, count: number) => {
    try {
      return query.all(from, count);
    } catch {
      return undefined; // a damaged page
    }
  };
  for (let from = 0; from <= Number.MAX_SAFE_INTEGER; ) {
    const rows = read(from, pageRows) ?? read(from, 1);
    if (rows === undefined) {
      from = firstReadable(from, (at) => read(at, 1) !== undefined);
      continue;
    }
    yield* rows;
    const last = rows.at(-1)?.[key];
    if (last === undefined) return;
    from = Math.max(from, last) + 1;
  }
}

/** @returns the first readable key after `from`, found by doubling the distance and then by bisection */
function firstReadable(from: number, canRead: (at: number) => boolean): number {
  let [bad, distance] = [from, 1];
  while (!canRead(from + distance)) {
    bad = from + distance;
    distance *= 2;
    if (distance > Number.MAX_SAFE_INTEGER / 2) return Number.MAX_SAFE_INTEGER + 1;
  }
  let good = from + distance;
  while (good - bad > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (canRead(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
