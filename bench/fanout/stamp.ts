/**
 * The time at which a message was due, inside its text: `t=1795246805141042;xxxx`, microseconds since 1970. The publisher and
 * the load generator run on one machine, so they have the same clock.
 */
export function stampedText(dueUs: number, length: number): string {
  return `t=${dueUs};`.padEnd(length, "x");
}

/** Microseconds since 1970. */
export function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

const digits = 16;
const stampLength = digits + 3;

/** Finds the stamps in the bytes of one connection, in any chunks. */
export class StampReader {
  #rest = "";

  /** The stamps that this chunk completes, in microseconds since 1970. */
  read(piece: Buffer): readonly number[] {
    const text = this.#rest + piece.toString("latin1");
    const stamps: number[] = [];
    let at = text.indexOf("t=");
    let end = 0;
    while (at !== -1 && at + stampLength <= text.length) {
      if (text[at + stampLength - 1] === ";") {
        stamps.push(Number(text.slice(at + 2, at + 2 + digits)));
        end = at + stampLength;
      }
      at = text.indexOf("t=", at + 2);
    }
    this.#rest = text.slice(Math.max(end, text.length - stampLength + 1));
    return stamps;
  }
}
