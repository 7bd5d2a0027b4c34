declare module "*.lua" {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: it is how a file is imported as text.
  export default text;
}
