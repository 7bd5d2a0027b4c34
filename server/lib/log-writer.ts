/** What of a stream the log needs: `process.stdout` is one. */
export interface LogStream {
  /** False: taken, but nothing more should come before "drain". */
  write(text: string): boolean;
  on(event: "drain" | "error", listener: () => void): unknown;
}

/** What may wait for a reader of the log that stands still. */
const maxWaitingCharacters = 1024 * 1024;

/**
 * Writes the log to a stream and outlives it: a pipe that was closed (`fanfare start | head`) or a reader that stands still
 * must neither end the server nor fill its memory. What does not fit is dropped, and counted in a line of its own.
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
    const note = dropped === 0 ? "" : `${dropped} entries of the log were dropped: its reader stood still\n`;
    const lines = waiting + note;
    isFull = false;
    waiting = "";
    dropped = 0;
    if (lines !== "") write(lines);
  });
  // A closed pipe: there is nobody left to tell.
  stream.on("error", () => {});
  return write;
}
