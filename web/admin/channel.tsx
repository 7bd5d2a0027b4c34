/** @jsxImportSource preact */
import { useSignalEffect } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import type { Api } from "./api.ts";
import type { Dashboard } from "./dashboard.ts";
import { Field, Form, useRequest } from "./form.tsx";

/** Messages of the history that are shown. */
const shownMessages = 20;

interface ChannelReport {
  readonly channel: string;
  readonly offset: number;
  readonly messages?: number;
  readonly connections: number;
}

interface MessageReport {
  readonly id?: string;
  readonly offset?: number;
  readonly timestamp?: string;
  readonly event?: string;
  readonly data?: unknown;
  readonly message?: string;
}

interface MembersReport {
  readonly members: readonly { readonly connection_id: string; readonly user_id?: string }[];
  /** There is another page. */
  readonly next?: string;
}

interface Found {
  readonly channel: ChannelReport;
  readonly messages: readonly MessageReport[];
  readonly members: MembersReport;
}

/** Shows the newest messages of a channel, and who is in it. */
export function Channel({ dashboard: { api, channel } }: { readonly dashboard: Dashboard }) {
  const [name, setName] = useState("");
  const [found, setFound] = useState<Found | undefined>(undefined);
  const { problem, run } = useRequest();
  const title = useRef<HTMLHeadingElement>(null);
  const look = async (wanted: string) => {
    setFound(undefined);
    setFound(await read(api, wanted));
  };
  useSignalEffect(() => {
    const { name: wanted, chosen } = channel.value;
    if (chosen === 0) return;
    setName(wanted);
    void run(() => look(wanted));
    title.current?.focus(); // scrolls there, and tells screen readers
  });
  return (
    <section aria-labelledby="channel">
      <h2 id="channel" ref={title} tabIndex={-1}>
        Look at a channel
      </h2>
      <Form label="Look at a channel" onSubmit={() => void run(() => look(name))}>
        <Field label="Name" value={name} onInput={setName} placeholder="room:1" isRequired />
        <button type="submit">Show</button>
      </Form>
      <p role="alert">{problem}</p>
      {found !== undefined && <Contents found={found} />}
    </section>
  );
}

async function read(api: Api, name: string): Promise<Found> {
  const path = `v1/channels/${encodeURIComponent(name)}`;
  const [channel, { messages }, members] = await Promise.all([
    api.get<ChannelReport>(path),
    api.get<{ messages: readonly MessageReport[] }>(`${path}/history?limit=${shownMessages}`),
    api.get<MembersReport>(`${path}/presence`),
  ]);
  return { channel, messages, members };
}

function Contents({ found: { channel, messages, members } }: { readonly found: Found }) {
  const names = members.members.map((it) => it.user_id ?? it.connection_id);
  return (
    <div class="report">
      <p role="status">
        {channel.channel} is at offset {channel.offset} and has {channel.connections}{" "}
        {channel.connections === 1 ? "connection" : "connections"}
        {names.length === 0 ? "" : `: ${names.join(", ")}`}
        {members.next === undefined ? "." : ", and more."}
      </p>
      <ol>
        {messages.toReversed().map((it) => (
          <li key={it.offset}>
            {it.offset} {it.event} <code>{it.message ?? JSON.stringify(it.data)}</code>{" "}
            <small>
              {it.timestamp === undefined ? "" : new Date(it.timestamp).toLocaleString()}, {it.id}
            </small>
          </li>
        ))}
      </ol>
    </div>
  );
}
