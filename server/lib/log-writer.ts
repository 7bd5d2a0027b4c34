/** The part of a stream that the log needs, such as `process.stdout`. */
export interface LogStream {
  /** False: accepted, but wait for "drain" before writing more. */
  write(text: string): boolean;
  on(event: "drain" | "error", listener: () => void): unknown;
}

/** How much is buffered while the reader of the log is stalled. */
const maxWaitingCharacters = 1024 * 1024;

/**
 * Writes the log to a stream. A closed pipe (`fanfare start | head`) or a stalled reader must neither end the server nor fill
 * its memory, so entries that do not fit are dropped, and their number is logged.
 */
export function makeLogWriter(stream: LogStream): (lines: string) => void {
  let isFull = false;
  let waiting = "";
  let dropped = 0;

  const write = (lines: string) => {
    if (!isFull) isFull = !stream.write(lines);
    else if (waiting.length + lines.length <= maxWaitingCharacters) waiting += lines;
    else dropped++;
  };
  stream.on("drain", () => {
    const note = dropped === 0 ? "" : `${dropped} log entries were dropped because the reader of the log was stalled\n`;
    const lines = waiting + note;
    isFull = false;
    waiting = "";
    dropped = 0;
    if (lines !== "") write(lines);
  });
  // A closed pipe: nobody is left to report it to.
  stream.on("error", () => {});
  return write;
}
