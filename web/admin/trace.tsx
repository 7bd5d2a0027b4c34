/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import type { Dashboard } from "./dashboard.ts";
import { Field, Form, useRequest } from "./form.tsx";

interface TraceReport {
  readonly summary: string;
  readonly connections: readonly {
    readonly connection_id: string;
    readonly worker: string;
    readonly remote: string;
    readonly is_open: boolean;
    readonly verdict?: string;
    readonly sentence?: string;
  }[];
  readonly refusals: readonly { readonly at: string; readonly action: string; readonly reason: string }[];
  readonly more: number;
  readonly complete: boolean;
}

/** Explains whether a message reached each connection of a user, and why not. */
export function Trace({ dashboard: { api } }: { readonly dashboard: Dashboard }) {
  const [user, setUser] = useState("");
  const [channel, setChannel] = useState("");
  const [id, setId] = useState("");
  const [report, setReport] = useState<TraceReport | undefined>(undefined);
  const { problem, run } = useRequest();
  const trace = async () => {
    setReport(undefined);
    const query = new URLSearchParams({ user });
    if (channel !== "") query.set("channel", channel);
    if (id !== "") query.set("id", id);
    setReport(await api.get<TraceReport>(`v1/trace?${query}`));
  };
  return (
    <section aria-labelledby="trace">
      <h2 id="trace">Why did it not arrive?</h2>
      <Form label="Trace a message" onSubmit={() => void run(trace)}>
        <Field label="Of user" value={user} onInput={setUser} isRequired />
        <Field label="In channel" value={channel} onInput={setChannel} placeholder="the user's own" />
        <Field label="Message id" value={id} onInput={setId} placeholder="the latest" />
        <button type="submit">Explain</button>
      </Form>
      <p role="alert">{problem}</p>
      {report !== undefined && <Explanation report={report} />}
    </section>
  );
}

function Explanation({ report: { summary, connections, refusals, more, complete } }: { readonly report: TraceReport }) {
  return (
    <div class="report">
      <p role="status">{summary}</p>
      <ul>
        {connections.map((it) => (
          <li key={it.connection_id}>
            {it.sentence ?? it.connection_id}{" "}
            <small>
              {it.worker}, {it.remote}, {it.is_open ? "open" : "ended"}
            </small>
          </li>
        ))}
        {refusals.map(({ at, action, reason }) => (
          <li key={`${at} ${action}`}>
            Refused {action}: {reason} <small>{new Date(at).toLocaleTimeString()}</small>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="hint">{more} more connections are not shown.</p>}
      {!complete && <p class="hint">Not all workers answered, so connections may be missing.</p>}
    </div>
  );
}
