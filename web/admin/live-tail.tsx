/** @jsxImportSource preact */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Dashboard, problemText } from "./dashboard.ts";
import { EventBlocks } from "./event-blocks.ts";
import { Field, Form } from "./form.tsx";
import { type TailEvent, tailEventText } from "./tail-event-text.ts";

/** Older lines are removed. */
const maxLines = 200;

interface Line {
  readonly number: number;
  readonly time: string;
  readonly kind: string;
  readonly text: string;
}

/** Shows what is published, connected and refused, as it happens. */
export function LiveTail({ dashboard: { api } }: { readonly dashboard: Dashboard }) {
  const [channel, setChannel] = useState("");
  const [user, setUser] = useState("");
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [problem, setProblem] = useState("");
  const [stopping, setStopping] = useState<AbortController | undefined>(undefined);
  const count = useRef(0);
  useEffect(() => () => stopping?.abort(), [stopping]);

  const show = (added: readonly Omit<Line, "number">[]) => {
    const numbered = added.map((it) => ({ ...it, number: count.current++ }));
    setLines((before) => [...before, ...numbered].slice(-maxLines));
  };
  const start = async () => {
    const aborter = new AbortController();
    setStopping(aborter);
    setLines([]);
    setProblem("");
    try {
      const query = new URLSearchParams({ channel, user });
      const blocks = new EventBlocks();
      for await (const piece of api.stream(`v1/tail?${query}`, aborter.signal)) show(blocks.add(piece).map(lineOf));
      if (!aborter.signal.aborted) setProblem("The server ended the tail.");
    } catch (error) {
      if (!aborter.signal.aborted) setProblem(problemText(error));
    }
    setStopping((current) => (current === aborter ? undefined : current));
  };
  const isOn = stopping !== undefined;
  return (
    <section aria-labelledby="tail">
      <h2 id="tail">Live tail</h2>
      <Form label="Live tail" onSubmit={() => (isOn ? stopping.abort() : void start())}>
        <Field label="Only channel" value={channel} onInput={setChannel} placeholder="all; room:* for a prefix" />
        <Field label="Only user" value={user} onInput={setUser} placeholder="all" />
        <button type="submit">{isOn ? "Stop" : "Start"}</button>
      </Form>
      <p role="alert">{problem}</p>
      {(isOn || lines.length > 0) && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and some browsers do not make scrollable elements focusable
        <section class="tail" aria-label="What happens" tabIndex={0}>
          {lines.length === 0 && <p class="hint">Nothing yet.</p>}
          <ol>
            {lines.toReversed().map(({ number, time, kind, text }) => (
              <li key={number}>
                <time>{time}</time> <b>{kind}</b> {text}
              </li>
            ))}
          </ol>
        </section>
      )}
    </section>
  );
}

function lineOf({ event, data }: { readonly event: string; readonly data: string }): Omit<Line, "number"> {
  const fields = JSON.parse(data) as TailEvent;
  if (event === "dropped") return { time: "", kind: "dropped", text: `${fields.count} events were too many to show` };
  return { time: new Date(fields.at).toLocaleTimeString(), kind: fields.kind, text: tailEventText(fields) };
}
