/** Of the person who runs the tests: the registry and its cache, and how this machine gets there. */
const names = ["HOME", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"];

/** What a package manager needs of the environment in order to install. */
export function registryEnv(): Record<string, string> {
  return Object.fromEntries(names.flatMap((it) => (process.env[it] === undefined ? [] : [[it, process.env[it]]])));
}
