import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from "node:readline";
import type { CliEnvironment, Terminal } from "../cli-environment.ts";
import { LineQueue } from "./line-queue.ts";
import type { Screen } from "./screen.ts";

/**
 * A terminal with an editable input line at the bottom. Everything else is printed above it.
 *
 * Between two calls the cursor is where readline left it: in the input line, which may take several rows.
 */
export class TerminalScreen implements Screen {
  readonly isPerson = true;
  readonly #output: Terminal["output"];
  readonly #lines = new LineQueue();
  readonly #input: Terminal["input"];
  readonly #readline: Interface;
  readonly #stopListening: readonly (() => void)[];
  #isClosed = false;

  /** @param environment delivers signals. In raw mode Ctrl+C and Ctrl+Z are keys, not signals, and come from readline. */
  constructor(
    { input, output }: Terminal,
    { onInterrupt, jobControl }: Pick<CliEnvironment, "onInterrupt" | "jobControl">,
  ) {
    this.#input = input;
    this.#output = output;
    this.#readline = createInterface({ input, output, terminal: true, prompt: "", historySize: 200 });
    this.#readline.on("line", (line) => this.#take(line));
    this.#readline.on("SIGINT", () => this.#lines.cut());
    this.#readline.on("close", () => this.#lines.cut());
    this.#readline.on("SIGTSTP", () => {
      this.#release();
      jobControl.suspend();
    });
    this.#stopListening = [onInterrupt(() => this.#lines.cut()), jobControl.onContinue(() => this.#takeBack())];
    // After readline's own listener, so that the key is already in the line.
    input.on("keypress", this.#follow);
    // Before readline's own listener: a resized terminal has already rewrapped the line itself.
    output.prependListener("resize", this.#follow);
  }

  show(line: string): void {
    if (this.#isClosed) {
      this.#output.write(`${line}\n`);
      return;
    }
    const { rows } = this.#readline.getCursorPos();
    this.#clearFrom(rows);
    // When redrawing, readline moves up by the rows it believes the cursor is below the prompt. Add that many rows.
    this.#output.write(`${line}\n${"\n".repeat(rows)}`);
    this.#readline.prompt(true);
  }

  prompt(text: string): void {
    const { rows } = this.#readline.getCursorPos();
    this.#clearFrom(rows);
    this.#output.write("\n".repeat(rows));
    this.#readline.setPrompt(text);
    this.#readline.prompt(true);
  }

  async ask(question: string): Promise<string | undefined> {
    this.prompt(question);
    const line = await this.nextLine();
    this.prompt("");
    if (line !== undefined) this.show(question + line);
    return line;
  }

  get interrupted(): Promise<void> {
    return this.#lines.isCut;
  }

  nextLine(): Promise<string | undefined> {
    return this.#lines.next();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#clearFrom(this.#readline.getCursorPos().rows);
    this.#isClosed = true;
    for (const stop of this.#stopListening) stop();
    this.#input.off("keypress", this.#follow);
    this.#output.off("resize", this.#follow);
    this.#readline.close();
  }

  /**
   * Works around Bun's readline (1.4): when typing fills the last column, it does not count the new row and later redraws
   * from the wrong one. The terminal starts that row only with the next character. Writing a space makes the two agree.
   */
  readonly #follow = () => {
    const editor = this.#readline;
    const { rows, cols } = editor.getCursorPos();
    if (this.#isClosed || !("prevRows" in editor) || editor.prevRows === rows) return;
    editor.prevRows = rows;
    if (cols > 0) return;
    this.#output.write(" ");
    cursorTo(this.#output, 0);
  };

  /** Leaves raw mode before the shell takes over the terminal. */
  #release(): void {
    this.#clearFrom(this.#readline.getCursorPos().rows);
    this.#input.setRawMode(false);
  }

  /** Returns to raw mode and redraws the input line below what the shell has printed. */
  #takeBack(): void {
    // If another signal stopped the process, the shell may have left raw mode without this process knowing.
    if (this.#input.isRaw) this.#input.setRawMode(false);
    this.#input.setRawMode(true);
    this.#output.write("\n".repeat(this.#readline.getCursorPos().rows));
    this.#readline.prompt(true);
  }

  /** Clears the typed line: it is shown again when it arrives as a message. */
  #take(line: string): void {
    const { columns } = this.#output;
    const width = Bun.stringWidth(this.#readline.getPrompt() + line);
    this.#clearFrom(columns > 0 ? Math.floor(width / columns) + 1 : 1);
    this.#lines.push(line);
    this.#readline.prompt();
  }

  /** Clears from this many rows above the cursor to the end of the screen. */
  #clearFrom(rows: number): void {
    moveCursor(this.#output, 0, -rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
  }
}
