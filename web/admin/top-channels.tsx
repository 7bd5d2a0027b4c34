/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import type { Dashboard } from "./dashboard.ts";
import type { ChannelRow } from "./last-hour.ts";
import { countText } from "./number-text.ts";
import { Table } from "./table.tsx";

const orders = [
  ["messages_per_s", "Messages/s"],
  ["subscribers", "Subscribers"],
  ["messages", "History"],
] as const;

type Order = (typeof orders)[number][0];

/** The channels with the most messages per second and with the most subscribers. */
export function TopChannels({ dashboard }: { readonly dashboard: Dashboard }) {
  const [order, setOrder] = useState<Order>("messages_per_s");
  const channels = dashboard.channels.value.toSorted((a, b) => (b[order] ?? 0) - (a[order] ?? 0));
  const sorter = ([figure, title]: (typeof orders)[number]) => (
    <button key={figure} type="button" class="sorter" aria-pressed={order === figure} onClick={() => setOrder(figure)}>
      {title}
    </button>
  );
  return (
    <section aria-labelledby="channels">
      <h2 id="channels">Busiest and largest channels</h2>
      {channels.length === 0 ? (
        <p class="hint">No channels with subscribers yet.</p>
      ) : (
        <Table label="Channels" columns={["Channel", ...orders.map(sorter)]}>
          {channels.map((it) => (
            <Row key={it.channel} row={it} onLook={() => dashboard.lookAt(it.channel)} />
          ))}
        </Table>
      )}
    </section>
  );
}

interface RowProps {
  readonly row: ChannelRow;
  readonly onLook: () => void;
}

function Row({ row: { channel, messages_per_s, subscribers, messages }, onLook }: RowProps) {
  return (
    <tr>
      <th scope="row">
        <button type="button" class="link" onClick={onLook}>
          {channel}
        </button>
      </th>
      <td>{countText(messages_per_s)}</td>
      <td>{countText(subscribers)}</td>
      <td>{messages === undefined ? "–" : countText(messages)}</td>
    </tr>
  );
}
