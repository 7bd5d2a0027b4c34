import { expect, test } from "bun:test";
import { pageText } from "./number-text.ts";

test.each([
  [0, 0, 0, "No open connections."],
  [0, 1, 1, "1 connection."],
  [0, 100, 100, "100 connections."],
  [0, 100, 101, "Connections 1 to 100 of 101."],
  [12, 34, 1234, "Connections 1,201 to 1,234 of 1,234."],
  [1, 0, 7, "This page is empty by now. There are 7 connections."],
])("page %d with %d of %d connections", (page, shown, total, text) => {
  expect(pageText(page, shown, total)).toBe(text);
});
