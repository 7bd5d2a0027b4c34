export const isoTimePattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(Z|[+-]\d\d:\d\d)$/;

/** The rule in words, for errors. */
export const isoTimeRule = "an ISO 8601 time with a zone, such as 2026-11-29T09:00:00Z or 2026-11-29T09:00+01:00";

/** A point in time as milliseconds since 1970; undefined for anything else, such as a day that does not exist. */
export function parseIsoTime(text: string): number | undefined {
  const match = isoTimePattern.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((it) => Number(it ?? 0));
  const local = Date.UTC(year, month - 1, day, hour, minute, second, Number((match[7] ?? "").padEnd(3, "0")));
  const date = new Date(local);
  // Date.UTC takes the 30th of February for the 2nd of March.
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  if (!exists || minute > 59 || second > 59 || year < 1970) return undefined;
  const offset = offsetOf(match[8] ?? "Z");
  return offset === undefined ? undefined : local - offset;
}

function offsetOf(zone: string): number | undefined {
  if (zone === "Z") return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
