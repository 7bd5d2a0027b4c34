import { expect, test } from "bun:test";
import { html, inline, prose } from "./html.ts";

const hostile = `<b title="x">&amp;</b>`;
const harmless = "&lt;b title=&quot;x&quot;&gt;&amp;amp;&lt;/b&gt;";

test("texts are escaped everywhere, and only once", () => {
  const inner = html`<i>${hostile}</i>`;
  expect(html`<p id="${hostile}">${inner}${[hostile, [inner]]}</p>`.text).toBe(
    `<p id="${harmless}"><i>${harmless}</i>${harmless}<i>${harmless}</i></p>`,
  );
});

test("undefined is empty, and numbers are written as they are", () => {
  expect(html`${undefined}${0}${[]}`.text).toBe("0");
});

test("backticks make code, empty lines make paragraphs, and markup is escaped", () => {
  expect(html`${inline("a `b<` c")}`.text).toBe("a <code>b&lt;</code> c");
  expect(html`${prose("one\n\ntwo\nlines `x`")}`.text).toBe("<p>one</p><p>two\nlines <code>x</code></p>");
  expect(html`${prose(undefined)}`.text).toBe("");
});
