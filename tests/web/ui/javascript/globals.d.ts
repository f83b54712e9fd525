/** Called by Gradio's components; see controls.js. */
declare var liveCam: {
  choose(name: string, value: unknown): void;
  values(names: string[]): unknown[];
};
