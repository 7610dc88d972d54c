/** Whether the running relay takes up an edit of its policy file, as whoever edits it is told. */
export type Uptake =
  | { readonly kind: 'in-force' }
  /** No relay runs on the data folder. */
  | { readonly kind: 'not-running' }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  | { readonly kind: 'unknown'; readonly why: string };

export type UptakeWatch = {
  /**
   * Waits for the relay's word, some seconds at most.
   * @param version of the edited file; null: it is not known, and any other than before will do
   * @param isSame the edit changed nothing: what the relay said before of the file holds, and is not waited for
   */
  result(version: string | null, isSame?: boolean): Promise<Uptake>;
};
