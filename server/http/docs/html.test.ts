import { expect, test } from "bun:test";
import { html, inline, prose } from "./html.ts";

const hostile = `<b title="x">&amp;</b>`;
const harmless = "&lt;b title=&quot;x&quot;&gt;&amp;amp;&lt;/b&gt;";

test("texts are escaped wherever they stand, pieces once only", () => {
  const inner = html`<i>${hostile}</i>`;
  expect(html`<p id="${hostile}">${inner}${[hostile, [inner]]}</p>`.text).toBe(
    `<p id="${harmless}"><i>${harmless}</i>${harmless}<i>${harmless}</i></p>`,
  );
});

test("nothing stands for nothing, and a number for itself", () => {
  expect(html`${undefined}${0}${[]}`.text).toBe("0");
});

test("backticks are code, empty lines part paragraphs, and neither lets markup in", () => {
  expect(html`${inline("a `b<` c")}`.text).toBe("a <code>b&lt;</code> c");
  expect(html`${prose("one\n\ntwo\nlines `x`")}`.text).toBe("<p>one</p><p>two\nlines <code>x</code></p>");
  expect(html`${prose(undefined)}`.text).toBe("");
});
