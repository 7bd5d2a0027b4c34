import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { makeCertificate } from "../streams/openssl.ts";

/** A server on loopback that speaks TLS only. It answers anything else with an alert, as a Redis with `tls-port` does. */
export class TlsServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #folder: string;

  private constructor(port: number, server: Server, folder: string) {
    this.port = port;
    this.#server = server;
    this.#folder = folder;
  }

  static async start(): Promise<TlsServer> {
    const folder = mkdtempSync(join(tmpdir(), "fanfare-tls-"));
    makeCertificate(folder);
    const [key, cert] = ["key.pem", "cert.pem"].map((it) => readFileSync(join(folder, it)));
    const server = createServer({ key, cert });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return new TlsServer(typeof address === "object" && address !== null ? address.port : 0, server, folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
