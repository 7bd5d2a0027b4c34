import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from "node:readline";
import type { Terminal, World } from "../world.ts";
import { LineQueue } from "./line-queue.ts";
import type { Screen } from "./screen.ts";

/**
 * A terminal with a line that can be edited at its bottom, and everything that comes above it.
 *
 * Between two calls the cursor is where readline left it: in the line that is being typed, which may take several rows.
 */
export class TerminalScreen implements Screen {
  readonly isPerson = true;
  readonly #output: Terminal["output"];
  readonly #lines = new LineQueue();
  readonly #input: Terminal["input"];
  readonly #readline: Interface;
  readonly #stopListening: readonly (() => void)[];
  #isClosed = false;

  /** @param world tells of signals; Ctrl+C and Ctrl+Z are none on a terminal that is read key by key */
  constructor({ input, output }: Terminal, { onInterrupt, jobControl }: Pick<World, "onInterrupt" | "jobControl">) {
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
    // Behind readline's own listener: what was pressed is in the line already.
    input.on("keypress", this.#follow);
    // Before it: a terminal of another width has wrapped the line anew by itself.
    output.prependListener("resize", this.#follow);
  }

  show(line: string): void {
    if (this.#isClosed) {
      this.#output.write(`${line}\n`);
      return;
    }
    const { rows } = this.#readline.getCursorPos();
    this.#clearFrom(rows);
    // Redrawing, readline goes up by the rows it believes the cursor to be below the prompt: so many are given to it.
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
   * Bun's readline (1.4) does not count the row that typing at the end of the line has just begun, and redraws from the wrong
   * one later. A terminal itself begins it only with the next character: a blank makes both agree.
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

  /** Gives the terminal to the shell, which does not expect to read it key by key. */
  #release(): void {
    this.#clearFrom(this.#readline.getCursorPos().rows);
    this.#input.setRawMode(false);
  }

  /** Reads key by key again, and draws what is being typed below what the shell has written. */
  #takeBack(): void {
    // After a stop by another signal the shell may have set the terminal its own way, which is not known here.
    if (this.#input.isRaw) this.#input.setRawMode(false);
    this.#input.setRawMode(true);
    this.#output.write("\n".repeat(this.#readline.getCursorPos().rows));
    this.#readline.prompt(true);
  }

  /** What was typed is taken away: it comes back as everybody sees it. */
  #take(line: string): void {
    const { columns } = this.#output;
    const width = Bun.stringWidth(this.#readline.getPrompt() + line);
    this.#clearFrom(columns > 0 ? Math.floor(width / columns) + 1 : 1);
    this.#lines.push(line);
    this.#readline.prompt();
  }

  /** Clears from so many rows above the cursor to the end. */
  #clearFrom(rows: number): void {
    moveCursor(this.#output, 0, -rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
  }
}
