/** @jsxImportSource preact */
import { render } from "preact";
import { Channel } from "./channel.tsx";
import { Connections } from "./connections.tsx";
import { Dashboard } from "./dashboard.ts";
import { LiveTail } from "./live-tail.tsx";
import { Operations } from "./operations.tsx";
import { Overview } from "./overview.tsx";
import { Publish } from "./publish.tsx";
import { Schedules } from "./schedules.tsx";
import { SignIn } from "./sign-in.tsx";
import { TopChannels } from "./top-channels.tsx";
import { Trace } from "./trace.tsx";

function Page({ dashboard }: { readonly dashboard: Dashboard }) {
  const { problem, needsKey, hasData } = dashboard;
  return (
    <>
      <header>
        <h1>
          <img src="admin/icon.svg" alt="" width="22" height="22" />
          Fanfare
        </h1>
        <a href="docs">API</a>
        {dashboard.api.hasKey && !needsKey.value && (
          <button type="button" class="quiet forget" onClick={() => dashboard.forgetKey()}>
            Forget key
          </button>
        )}
      </header>
      <main>
        <p role="alert">{problem.value}</p>
        {needsKey.value && <SignIn dashboard={dashboard} />}
        {!needsKey.value && hasData.value && (
          <>
            <Overview dashboard={dashboard} />
            <TopChannels dashboard={dashboard} />
            <Channel dashboard={dashboard} />
            <Connections dashboard={dashboard} />
            <Publish dashboard={dashboard} />
            <Trace dashboard={dashboard} />
            <LiveTail dashboard={dashboard} />
            <Schedules dashboard={dashboard} />
            <Operations dashboard={dashboard} />
          </>
        )}
      </main>
    </>
  );
}

const root = document.getElementById("app");
if (root === null) throw new Error("admin.html has no #app");
const dashboard = new Dashboard({ needsKey: root.dataset.needsKey !== undefined });
render(<Page dashboard={dashboard} />, root);
dashboard.start();
