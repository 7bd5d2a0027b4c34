import { BroadcastClient } from "./broadcast-client.ts";
import { createClient } from "./checked.ts";
import { ClientError } from "./client-error.ts";

/** For pages without modules: `<script src="https://push.example.com/client.js"></script>` defines `Fanfare`. */
Object.assign(globalThis, { Fanfare: { createClient, ClientError, BroadcastClient } });
