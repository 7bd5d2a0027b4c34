/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { type ConnectionReport, ConnectionTable } from "./connection-table.tsx";
import type { Dashboard } from "./dashboard.ts";
import { Field, Form, useRequest } from "./form.tsx";
import { pageText } from "./number-text.ts";

/** The answer of `GET /v1/connections`. */
interface ConnectionsReport {
  readonly connections: readonly ConnectionReport[];
  readonly total: number;
  readonly next_page?: string;
}

/** The search terms. An empty text matches every connection. */
interface Search {
  readonly user_id: string;
  readonly channel: string;
  readonly id: string;
}

interface Found extends ConnectionsReport {
  readonly search: Search;
  /** Counted from 0. */
  readonly page: number;
}

/** Finds connections by user, channel or id, and closes them. */
export function Connections({ dashboard: { api } }: { readonly dashboard: Dashboard }) {
  const [search, setSearch] = useState<Search>({ user_id: "", channel: "", id: "" });
  const [found, setFound] = useState<Found | undefined>(undefined);
  const { problem, run } = useRequest();
  const read = async (wanted: Search, page: number) => {
    const query = new URLSearchParams({ ...wanted, page: String(page) });
    setFound({ search: wanted, page, ...(await api.get<ConnectionsReport>(`v1/connections?${query}`)) });
  };
  const close = (path: string, what: string) => {
    if (!confirm(`Close ${what}? The client is told not to reconnect.`)) return;
    void run(async () => {
      await api.delete(path);
      if (found !== undefined) await read(found.search, found.page);
    });
  };
  const setField = (name: keyof Search) => (value: string) => setSearch({ ...search, [name]: value });
  return (
    <section aria-labelledby="connections">
      <h2 id="connections">Connections</h2>
      <Form label="Find connections" onSubmit={() => void run(() => read(search, 0))}>
        <Field label="User" value={search.user_id} onInput={setField("user_id")} placeholder="all users" />
        <Field label="Channel" value={search.channel} onInput={setField("channel")} placeholder="all channels" />
        <Field label="Connection id" value={search.id} onInput={setField("id")} placeholder="all connections" />
        <button type="submit">Search</button>
      </Form>
      <p role="alert">{problem}</p>
      {found !== undefined && (
        <FoundConnections found={found} onTurn={(page) => void run(() => read(found.search, page))} onClose={close} />
      )}
    </section>
  );
}

interface FoundConnectionsProps {
  readonly found: Found;
  readonly onTurn: (page: number) => void;
  /** Closes the connections with this path, after a question. */
  readonly onClose: (path: string, what: string) => void;
}

function FoundConnections({ found, onTurn, onClose }: FoundConnectionsProps) {
  const { connections, total, page, next_page, search } = found;
  const { user_id: user } = search;
  const isWholeUser = user !== "" && search.channel === "" && search.id === "";
  const closeAll = () => onClose(`v1/users/${encodeURIComponent(user)}/connections`, `all connections of ${user}`);
  return (
    <>
      <div class="title">
        <p role="status" class="hint">
          {pageText(page, connections.length, total)}
        </p>
        <div class="buttons">
          {isWholeUser && connections.length > 0 && (
            <button type="button" class="quiet" onClick={closeAll}>
              Close all
            </button>
          )}
          {(page > 0 || next_page !== undefined) && (
            <>
              <button type="button" class="quiet" disabled={page === 0} onClick={() => onTurn(page - 1)}>
                Previous page
              </button>
              <button type="button" class="quiet" disabled={next_page === undefined} onClick={() => onTurn(page + 1)}>
                Next page
              </button>
            </>
          )}
        </div>
      </div>
      {connections.length > 0 && (
        <ConnectionTable
          connections={connections}
          onClose={(id) => onClose(`v1/connections/${encodeURIComponent(id)}`, `connection ${id}`)}
        />
      )}
    </>
  );
}
