/**
 * The chat's input and output: a terminal or two pipes.
 *
 * Input lines are returned one by one and in order. None is lost if many arrive together.
 */
export interface Screen {
  /** Whether a person types the input, and can be asked again after a mistake. */
  readonly isPerson: boolean;
  /** Shows a line above the input line, which keeps its content. */
  show(line: string): void;
  /** Sets the prompt of the input line. */
  prompt(text: string): void;
  /** Shows a question and returns the next line. */
  ask(question: string): Promise<string | undefined>;
  /** The next line without its line break; undefined after the input has ended or Ctrl+C was pressed. */
  nextLine(): Promise<string | undefined>;
  /** Resolves on Ctrl+C or a signal: the user wants to leave at once. */
  readonly interrupted: Promise<void>;
  /** Restores the terminal. Idempotent. */
  close(): void;
}
