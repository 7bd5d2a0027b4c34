/** The style sheet of the page. The sidebar is next to the text on wide screens, and above it on narrow ones. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fcfcfa, #16171a);
  --panel: light-dark(#f4f4f0, #1d1f23);
  --line: light-dark(#deddd6, #32353b);
  --ink: light-dark(#1b1c1e, #e8e8e4);
  --soft: light-dark(#5c5d61, #a3a6ad);
  --brass: light-dark(#8a5700, #e2b155);
  --bad: light-dark(#b3261e, #ff8a80);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
*, ::before, ::after { box-sizing: border-box; }
html { scroll-padding-top: 1rem; text-size-adjust: 100%; }
body {
  display: grid;
  grid-template-columns: 20rem minmax(0, 1fr);
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font: 16px/1.55 var(--sans);
}
a { color: var(--brass); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--brass); outline-offset: 2px; }
code, pre { font-family: var(--mono); font-size: 0.8125rem; }
p, dd { max-width: 46rem; }
p { margin: 0.6rem 0; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; padding: 0.5rem 1rem; background: var(--paper); }

nav {
  position: sticky;
  top: 0;
  height: 100vh;
  padding: 1.5rem 1rem 2rem 1.5rem;
  overflow-y: auto;
  border-right: 1px solid var(--line);
  background: var(--panel);
  font-size: 0.875rem;
}
nav ol { margin: 0; padding: 0; list-style: none; }
nav > ol > li { margin-top: 0.9rem; }
nav > ol > li > a { color: var(--ink); font-weight: 600; }
nav ol ol { margin-top: 0.15rem; }
nav ol ol a { display: flex; padding: 0.15rem 0; color: var(--soft); }
nav code { min-width: 0; font-size: 0.75rem; line-height: 1.6; overflow-wrap: anywhere; }
nav .method { flex: none; width: 2.75rem; margin: 0; font-size: 0.6875rem; line-height: 1.75; }
nav a { text-decoration: none; }
nav a:hover { color: var(--brass); text-decoration: underline; }
nav .name { margin: 0; font-size: 1.0625rem; font-weight: 650; letter-spacing: -0.01em; }

main { min-width: 0; max-width: 64rem; padding: 2rem clamp(1rem, 4vw, 3.5rem) 6rem; }
h1 { margin: 0; font-size: 1.75rem; font-weight: 650; letter-spacing: -0.02em; line-height: 1.2; }
h2 { margin: 3.5rem 0 0.25rem; padding-top: 1.25rem; border-top: 2px solid var(--ink); font-size: 1.25rem; font-weight: 650; letter-spacing: -0.01em; }
h3 { margin: 0 0 0.25rem; font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
h3 code { font-size: 0.9375rem; }
h4 { margin: 1.1rem 0 0.35rem; color: var(--soft); font-size: 0.8125rem; font-weight: 600; }
h3 a { color: inherit; text-decoration: none; }
h3 a:hover { text-decoration: underline; }
article { padding: 1.75rem 0 0.5rem; }
article + article { border-top: 1px solid var(--line); }
.method { margin-right: 0.5rem; color: var(--brass); font: 600 0.8125rem var(--mono); }
.delete { color: var(--bad); }
.soft { color: var(--soft); }
.badge { display: inline-block; padding: 0 0.45rem; border: 1px solid var(--line); border-radius: 3px; color: var(--soft); font: 0.75rem/1.5 var(--mono); vertical-align: 0.1em; }

pre {
  max-width: 100%;
  margin: 0.4rem 0;
  padding: 0.7rem 0.9rem;
  overflow-x: auto;
  border: 1px solid var(--line);
  border-radius: 4px;
  background: var(--panel);
  line-height: 1.5;
}
p code, td code, li code, dd code { padding: 0.05em 0.25em; border-radius: 3px; background: var(--panel); overflow-wrap: anywhere; }

.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
th { color: var(--soft); font-weight: 600; text-align: left; }
th, td { padding: 0.4rem 1rem 0.4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { white-space: nowrap; }
td:first-child code { padding: 0; background: none; font-weight: 600; }
td.kind { min-width: 6.5rem; color: var(--soft); }
dl { margin: 0.4rem 0; }
dt { margin-top: 0.5rem; font-weight: 600; }
dd { margin: 0 0 0 1.25rem; }
summary { cursor: pointer; color: var(--soft); font-size: 0.875rem; }
summary:hover { color: var(--ink); }
details { margin: 0.7rem 0; }
:target > h3 a, h2:target { color: var(--brass); }

@media (max-width: 60rem) {
  body { display: block; }
  nav { position: static; height: auto; padding: 1rem; border-right: 0; border-bottom: 1px solid var(--line); }
  nav ol ol { display: none; }
  nav > ol { display: flex; flex-wrap: wrap; gap: 0.35rem 1.1rem; margin-top: 0.5rem; }
  nav > ol > li { margin: 0; }
  nav > ol > li > a { font-weight: 400; color: var(--brass); }
  main { padding-top: 1.5rem; }
  td:first-child { white-space: normal; overflow-wrap: anywhere; }
}
@media (max-width: 36rem) {
  thead { display: none; }
  table, tbody, tr, td { display: block; }
  tr { padding: 0.45rem 0; border-bottom: 1px solid var(--line); }
  td, td.kind { padding: 0; border: 0; }
}
@media print {
  nav { display: none; }
  body { display: block; }
}
`;
