#!/usr/bin/env node
import http from "node:http";
import https from "node:https";

/**
 * For the image's HEALTHCHECK: exits with 0 if the server of this machine lives, else with 1. It asks OPS_PORT where there
 * is one, since that answers while the server stops as well, and PORT otherwise.
 *
 * Whether the server speaks TLS may be written in a settings file, so both are tried. The certificate is for the name that
 * clients use, not for this machine's own address, and so it is not checked.
 */
const everyAddress = ["0.0.0.0", "::", "[::]"];
const { HOST = "", OPS_PORT = "", PORT = "" } = process.env;
const asked = {
  host: HOST === "" || everyAddress.includes(HOST) ? "127.0.0.1" : HOST.replace(/^\[|\]$/g, ""),
  port: OPS_PORT || PORT || "8000",
  path: "/livez",
  timeout: 2000,
};

process.exitCode =
  (await answers(http, asked)) || (await answers(https, { ...asked, rejectUnauthorized: false })) ? 0 : 1;

/**
 * @param {typeof http | typeof https} client
 * @param {https.RequestOptions} options
 * @returns {Promise<boolean>}
 */
function answers(client, options) {
  return new Promise((resolve) => {
    const request = client.get(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}
