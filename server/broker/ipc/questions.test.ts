import { describe, expect, test } from "bun:test";
import type { Answer } from "./messages.ts";
import { Questions } from "./questions.ts";

/** Asks something, and takes "done" for its answer. */
function ask(questions: Questions, sent: number[]): Promise<string> {
  return questions.ask(
    (n) => sent.push(n),
    (answer) => (answer.verb === "done" ? `done ${answer.n}` : undefined),
  );
}

const refusal = (n: number): Answer => ({
  verb: "refused",
  n,
  code: "rate-limited",
  message: "later",
  field: null,
  retryAfterMs: 50,
});

describe("Questions", () => {
  test("each gets its own answer, in any order of answers", async () => {
    const questions = new Questions();
    const sent: number[] = [];
    const [one, two] = [ask(questions, sent), ask(questions, sent)];
    questions.take({ verb: "done", n: sent[1] ?? 0 });
    questions.take({ verb: "done", n: sent[0] ?? 0 });
    expect(await Promise.all([one, two])).toEqual([`done ${sent[0]}`, `done ${sent[1]}`]);
  });

  test("a refusal is passed on unchanged", async () => {
    const questions = new Questions();
    const sent: number[] = [];
    const asked = ask(questions, sent);
    questions.take(refusal(sent[0] ?? 0));
    await expect(asked).rejects.toMatchObject({ code: "rate-limited", message: "later", retryAfterMs: 50 });
  });

  test("a partly answered question waits for the rest", async () => {
    const questions = new Questions();
    const sent: number[] = [];
    const asked = ask(questions, sent);
    questions.take({ verb: "history-part", n: sent[0] ?? 0, publications: [] });
    let isIdle = false;
    const idle = questions.idle().then(() => (isIdle = true));
    await Promise.resolve();
    expect(isIdle).toBe(false);
    questions.take({ verb: "done", n: sent[0] ?? 0 });
    await idle;
    expect(await asked).toBe(`done ${sent[0]}`);
  });

  test("all fail when the link breaks, and late answers are ignored", async () => {
    const questions = new Questions();
    const sent: number[] = [];
    const asked = [ask(questions, sent), ask(questions, sent)];
    const idle = questions.idle();
    questions.fail(() => new Error("broken"));
    await idle;
    for (const outcome of await Promise.allSettled(asked)) expect(outcome.status).toBe("rejected");
    questions.take({ verb: "done", n: sent[0] ?? 0 });
    questions.take(refusal(99));
    await questions.idle();
  });
});
