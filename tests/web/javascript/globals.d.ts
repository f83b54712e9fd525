/** The key by which the server knows this visitor; made in the head of the page. */
declare var liveCamVisitor: string;
/** What Gradio's components call; see controls.js. */
declare var liveCam: {
  choose(name: string, value: unknown): void;
  toggle(name: "frozen" | "running"): void;
  values(names: string[]): unknown[];
};
