/** @jsxImportSource preact */
import type { Dashboard } from "./dashboard.ts";
import { countText } from "./number-text.ts";

/** The channels with the most messages per second. */
export function TopChannels({ dashboard }: { readonly dashboard: Dashboard }) {
  const channels = dashboard.channels.value;
  return (
    <section aria-labelledby="channels">
      <h2 id="channels">Busiest channels</h2>
      {channels.length === 0 ? (
        <p class="hint">No messages in channels with subscribers since the last look.</p>
      ) : (
        <section class="scroll" aria-labelledby="channels">
          <table>
            <thead>
              <tr>
                <th scope="col">Channel</th>
                <th scope="col">Messages/s</th>
                <th scope="col">Subscribers</th>
              </tr>
            </thead>
            <tbody>
              {channels.map(({ channel, messages_per_s, subscribers }) => (
                <tr key={channel}>
                  <th scope="row">{channel}</th>
                  <td>{countText(messages_per_s)}</td>
                  <td>{countText(subscribers)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}
