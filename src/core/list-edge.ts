const MARK = 'list:'

/** The name of the edge that an account's IP list is: `list:portcullis`. */
export function listEdge(name: string): string {
  return `${MARK}${name}`
}

/** Names of zones have no colon. */
export function isListEdge(edge: string): boolean {
  return edge.startsWith(MARK)
}
