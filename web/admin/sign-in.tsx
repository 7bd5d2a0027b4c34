/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import type { Dashboard } from "./dashboard.ts";

/** Asks for an API key. */
export function SignIn({ dashboard }: { readonly dashboard: Dashboard }) {
  const [key, setKey] = useState("");
  return (
    <section aria-labelledby="sign-in" class="sign-in">
      <h2 id="sign-in">API key</h2>
      <form
        class="line"
        onSubmit={(event) => {
          event.preventDefault();
          dashboard.useKey(key.trim());
        }}
      >
        <label>
          Key
          <input
            type="password"
            required
            autocomplete="off"
            spellcheck={false}
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
      <p class="hint">
        One of the server's keys (<code>API_KEY</code>) with the scope <code>read</code>. Publishing needs{" "}
        <code>publish</code>, and closing connections <code>admin</code>. It stays in this tab.
      </p>
    </section>
  );
}
