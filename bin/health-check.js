#!/usr/bin/env node
import http from "node:http";
import https from "node:https";

/**
 * The image's HEALTHCHECK: exits with 0 if the server on this machine is alive, otherwise with 1. It asks OPS_PORT if that
 * is set, because OPS_PORT also answers while the server drains, and PORT otherwise.
 *
 * TLS may be configured in a settings file, so it tries both HTTP and HTTPS. It does not verify the certificate, which is
 * issued for the name that clients use and not for the loopback address.
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
