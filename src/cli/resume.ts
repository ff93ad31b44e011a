import { createClient } from './client.ts'
import { type Command, OUTPUT } from './command.ts'
import { EXIT, plain } from './terminal.ts'

export const resume: Command = {
  name: 'resume',
  usage: '[EDGE]',
  summary: 'end a pause; write again to an edge-contested edge',
  help: `
Without an edge it ends a pause (\`portcullis pause\`): what waited goes on.

When our rule is emptied or deleted a second time within 24 hours, Portcullis
takes that as a person's will and writes nothing there any more
(\`edge-contested\`). Find out who or what does it; then this ends the stop, at
one edge or at all of them, and what should be held is written again.`,
  options: OUTPUT,
  words: 1,
  async run(given, terminal) {
    const [edge] = given.words
    const answer = await createClient(terminal.environment()).post('/api/resume', edge === undefined ? {} : { edge })
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
    return EXIT.ok
  },
}
