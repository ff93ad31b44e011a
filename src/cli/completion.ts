import { type Command, wrong } from './command.ts'
import { CliError, EXIT } from './terminal.ts'

/** What a shell needs to complete our command line, made from the commands themselves. */
export function createCompletion(commands: () => readonly Command[]): Command {
  const completion: Command = {
    name: 'completion',
    usage: 'bash | zsh',
    summary: 'a script that completes commands and options',
    help: `
Writes a script for the shell to its output. For good, in ~/.bashrc or ~/.zshrc:

  source <(portcullis completion bash)
  source <(portcullis completion zsh)`,
    options: {},
    words: 1,
    async run(given, terminal) {
      const [shell] = given.words
      if (shell === undefined) throw wrong(completion, 'say for which shell: bash or zsh')
      if (shell !== 'bash' && shell !== 'zsh')
        throw new CliError(EXIT.badInput, `There is no completion for ${shell}, only for bash and zsh.`)
      terminal.say(shell === 'bash' ? bashScript(commands()) : `${ZSH}\n${bashScript(commands())}`)
      return EXIT.ok
    },
  }
  return completion
}

// zsh reads the completions of bash.
const ZSH = 'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit'

/** What may follow a command beside options: words that are no values of people. */
const WORDS: Readonly<Record<string, string>> = {
  bans: 'export import',
  playbooks: 'check explain',
  completion: 'bash zsh',
}

/** Values of options that are one of a few words. */
const VALUES = [
  ['--output|-o', 'json text'],
  ['--state', 'held waiting ended'],
  ['--origin', 'alert operator edge'],
  ['--sort', 'last-seen created until address'],
  ['--duration|-d|--grace', '30m 1h 24h 7d 30d forever'],
] as const

function bashScript(commands: readonly Command[]): string {
  const names = [...commands.map(({ name }) => name), 'help']
  return [
    '_portcullis() {',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's.
    '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""',
    '  case "$before" in',
    ...VALUES.map(([options, words]) => `    ${options}) COMPREPLY=($(compgen -W "${words}" -- "$word")); return ;;`),
    '  esac',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${names.join(' ')}"`,
    '  else',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's.
    '    case "${COMP_WORDS[1]}" in',
    `      help) words="${names.join(' ')}" ;;`,
    ...commands.map(
      (command) =>
        `      ${command.name}) words="${[WORDS[command.name] ?? '', ...optionsOf(command)].join(' ').trim()}" ;;`,
    ),
    '    esac',
    '  fi',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -o default -F _portcullis portcullis',
  ].join('\n')
}

function optionsOf({ options }: Command): string[] {
  const shown = Object.entries(options).filter(([, { help }]) => help !== '')
  return [...shown.map(([name]) => `--${name}`), '--help']
}
