/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import type { RequestBody } from "./api.ts";
import type { Dashboard } from "./dashboard.ts";
import { Field, Form, useRequest } from "./form.tsx";

interface Published {
  readonly channel: string;
  readonly offset?: number;
  readonly id: string;
}

/** Publishes a message to a channel. */
export function Publish({ dashboard: { api } }: { readonly dashboard: Dashboard }) {
  const [channel, setChannel] = useState("");
  const [message, setMessage] = useState("");
  const [outcome, setOutcome] = useState("");
  const { problem, run } = useRequest();
  const publish = async () => {
    setOutcome("");
    const path = `v1/channels/${encodeURIComponent(channel)}/messages`;
    const { offset, id } = await api.post<Published>(path, bodyOf(message));
    setOutcome(`Published to ${channel}: ${offset === undefined ? "not stored" : `offset ${offset}`}, id ${id}.`);
  };
  return (
    <section aria-labelledby="publish">
      <h2 id="publish">Publish</h2>
      <Form label="Publish a message" onSubmit={() => void run(publish)}>
        <Field label="Channel" value={channel} onInput={setChannel} placeholder="room:1" isRequired />
        <Field label="Message" value={message} onInput={setMessage} placeholder="text or JSON" isRequired />
        <button type="submit">Publish</button>
      </Form>
      <p role="alert">{problem}</p>
      <p role="status" class="hint">
        {outcome}
      </p>
    </section>
  );
}

/** The message as it was written: as JSON if it is, otherwise as text. */
export function bodyOf(text: string): RequestBody {
  try {
    JSON.parse(text);
    return { type: "application/json", text };
  } catch {
    return { type: "text/plain", text };
  }
}
