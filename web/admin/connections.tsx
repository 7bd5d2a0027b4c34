/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import type { Dashboard } from "./dashboard.ts";
import { Field, Form, useRequest } from "./form.tsx";

interface ConnectionReport {
  readonly id: string;
  readonly user_id?: string;
  readonly remote: string;
  readonly connected_at: string;
  readonly channels: readonly string[];
  readonly is_lagging: boolean;
}

/** Finds the connections of a user, and closes them. */
export function Connections({ dashboard: { api } }: { readonly dashboard: Dashboard }) {
  const [user, setUser] = useState("");
  const [found, setFound] = useState<readonly ConnectionReport[] | undefined>(undefined);
  const { problem, run } = useRequest();
  const search = async () => {
    const query = user === "" ? "" : `?user_id=${encodeURIComponent(user)}`;
    setFound((await api.get<{ connections: readonly ConnectionReport[] }>(`v1/connections${query}`)).connections);
  };
  const kick = (path: string, whom: string) => {
    if (!confirm(`Close ${whom}? The client is told not to reconnect.`)) return;
    void run(async () => {
      await api.delete(path);
      await search();
    });
  };
  return (
    <section aria-labelledby="connections">
      <h2 id="connections">Connections</h2>
      <Form label="Find connections" onSubmit={() => void run(search)}>
        <Field label="User" value={user} onInput={setUser} placeholder="all users" />
        <button type="submit">Search</button>
        {user !== "" && found !== undefined && found.length > 0 && (
          <button
            type="button"
            onClick={() => kick(`v1/users/${encodeURIComponent(user)}/connections`, `all connections of ${user}`)}
          >
            Close all
          </button>
        )}
      </Form>
      <p role="alert">{problem}</p>
      {found?.length === 0 && <p class="hint">No open connections.</p>}
      {found !== undefined && found.length > 0 && (
        <ConnectionTable
          found={found}
          onKick={(id) => kick(`v1/connections/${encodeURIComponent(id)}`, `connection ${id}`)}
        />
      )}
    </section>
  );
}

interface ConnectionTableProps {
  readonly found: readonly ConnectionReport[];
  readonly onKick: (id: string) => void;
}

function ConnectionTable({ found, onKick }: ConnectionTableProps) {
  return (
    <section class="scroll" aria-label="Connections found">
      <table class="texts">
        <thead>
          <tr>
            <th scope="col">Connection</th>
            <th scope="col">User</th>
            <th scope="col">Address</th>
            <th scope="col">Since</th>
            <th scope="col">Channels</th>
            <th scope="col">Close</th>
          </tr>
        </thead>
        <tbody>
          {found.map((it) => (
            <tr key={it.id}>
              <th scope="row">{it.id}</th>
              <td>{it.user_id ?? "–"}</td>
              <td>{it.remote}</td>
              <td>{new Date(it.connected_at).toLocaleString()}</td>
              <td>
                {it.channels.join(", ")}
                {it.is_lagging && " (lagging)"}
              </td>
              <td>
                <button type="button" class="quiet" aria-label={`Close ${it.id}`} onClick={() => onKick(it.id)}>
                  Close
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
