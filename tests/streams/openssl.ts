import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes a self-signed certificate: `cert.pem`, `key.pem`, and `push.pem`, which contains both. */
export function makeCertificate(folder: string): void {
  const program = process.env.FANFARE_OPENSSL ?? "openssl";
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  const { exitCode, stderr } = Bun.spawnSync([program, "req", ...options, "-keyout", key, "-out", cert]);
  if (exitCode !== 0) throw new Error(`openssl: ${stderr}`);
  writeFileSync(join(folder, "push.pem"), readFileSync(cert, "utf8") + readFileSync(key, "utf8"));
}
