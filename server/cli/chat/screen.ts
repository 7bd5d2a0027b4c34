/**
 * Where a person reads and types, or where two pipes are in a person's place.
 *
 * Lines come one by one when they are asked for, in order, and none is lost however many came at once.
 */
export interface Screen {
  /** Whether a person is there: someone who can be asked again. */
  readonly isPerson: boolean;
  /** Shows a line; what is being typed stays as it is. */
  show(line: string): void;
  /** What stands before what is typed. */
  prompt(text: string): void;
  /** Asks, and returns the next line. */
  ask(question: string): Promise<string | undefined>;
  /** The next line without its end; undefined once there are no more: the input ended, or Ctrl+C was pressed. */
  nextLine(): Promise<string | undefined>;
  /** Resolves when the person wants to leave at once, whatever is under way. */
  readonly interrupted: Promise<void>;
  /** Gives the terminal back as it was. Idempotent. */
  close(): void;
}
