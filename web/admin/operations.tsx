/** @jsxImportSource preact */
import type { Dashboard } from "./dashboard.ts";
import { progressText } from "./drain-text.ts";
import { useRequest } from "./form.tsx";

/** Reloads the workers, or shuts the server down, and shows the progress. */
export function Operations({ dashboard: { api, drain } }: { readonly dashboard: Dashboard }) {
  const { problem, run } = useRequest();
  const request = (path: string, question: string) => {
    if (!confirm(question)) return;
    void run(async () => void (await api.post(path)));
  };
  const report = drain.value;
  return (
    <section aria-labelledby="operations">
      <h2 id="operations">Reload and shutdown</h2>
      <p role="status">{report === undefined ? "" : progressText(report)}</p>
      <div class="line">
        <button
          type="button"
          onClick={() => request("v1/reload", "Replace all workers? Clients move to the new ones within DRAIN_WINDOW.")}
        >
          Reload workers
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => request("v1/drain", "Shut the server down? Clients are asked to leave, and it exits.")}
        >
          Shut down
        </button>
      </div>
      <p role="alert">{problem}</p>
    </section>
  );
}
