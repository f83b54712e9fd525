/** The key by which the server knows this visitor; made in the head of the page. */
declare var liveCamVisitor: string;
