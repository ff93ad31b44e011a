import { type Context, Liquid, Tokenizer, TypeGuards } from 'liquidjs'

/** What a template sees: `event`, `consts` and `steps`. */
export type Scope = Readonly<Record<string, unknown>>

/** Liquid as Elastic Workflows has it, within its limits. Every failure throws an Error whose message says where in the template. */
export interface Templates {
  /** Text with its `{{ … }}` and `{% … %}` filled in. */
  render(template: string, scope: Scope): string
  /** All strings of a value, at any depth, rendered; one that is `${{ … }}` as a whole becomes the value itself, not its text. */
  renderDeep(value: unknown, scope: Scope): unknown
  /** Whether a condition (`event.rule.name contains "Scan"`) holds; as in Liquid, only nil and false do not. */
  test(condition: string, scope: Scope): boolean
  /** Throws unless the template can be parsed; answers the paths it reads, each from a root: ['event', 'alerts', 0]. */
  check(template: string): VariablePath[]
  /** The same for a condition. */
  checkCondition(condition: string): VariablePath[]
}
export type VariablePath = readonly (string | number | VariablePath)[]

// Elastic's limits for one render.
const MAX_CHARACTERS = 150_000
const LIMITS = { parseLimit: MAX_CHARACTERS, renderLimit: 1_000, memoryLimit: 15_000_000 }

// These read other templates, and there are none.
const FILE_TAGS = ['include', 'render', 'layout', 'block']

const WHOLE = /^\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*$/s

export function createTemplates(): Templates {
  const text = engine({ keepOutputType: false })
  const typed = engine({ keepOutputType: true })

  function render(template: string, scope: Scope): string {
    if (template.includes('${{')) throw new Error(`\${{ … }} must be the whole value: ${excerpt(template)}`)
    const rendered: unknown = text.parseAndRenderSync(template, plain(scope))
    const result = String(rendered)
    if (result.length > MAX_CHARACTERS) throw new Error(`the rendered text is longer than ${MAX_CHARACTERS} characters`)
    return result
  }

  function renderDeep(value: unknown, scope: Scope): unknown {
    if (typeof value === 'string') {
      const expression = WHOLE.exec(value)?.[1]
      if (expression === undefined) return render(value, scope)
      return typed.parseAndRenderSync(`{{${expression}}}`, plain(scope))
    }
    if (Array.isArray(value)) return value.map((entry) => renderDeep(entry, scope))
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, renderDeep(entry, scope)]))
  }

  function check(template: string): VariablePath[] {
    const expression = WHOLE.exec(template)?.[1]
    if (expression === undefined && template.includes('${{'))
      throw new Error(`\${{ … }} keeps the type of a value and must be the whole value; inside text write {{ … }}`)
    return variables(expression === undefined ? template : `{{${expression}}}`)
  }

  function variables(template: string): VariablePath[] {
    return text.globalVariableSegmentsSync(text.parse(template)) as VariablePath[]
  }

  return {
    render,
    renderDeep,
    check,
    test: (condition, scope) => text.parseAndRenderSync(asTag(condition), plain(scope)) === 'yes',
    checkCondition: (condition) => variables(asTag(condition)),
  }
}

function engine(options: { keepOutputType: boolean }): Liquid {
  const liquid = new Liquid({
    ...LIMITS,
    ...options,
    strictFilters: true,
    ownPropertyOnly: true,
    timezoneOffset: 0,
    // A mapping instead of the file system, and nothing in it.
    templates: {},
  })
  for (const tag of FILE_TAGS) delete liquid.tags[tag]
  liquid.registerFilter('json_parse', function (this: { context: Context }, value: unknown) {
    this.context.memoryLimit.use(String(value).length)
    return JSON.parse(String(value)) as unknown
  })
  liquid.registerFilter('entries', (value: unknown) =>
    Object.entries(Object(value) as object).map(([key, entry]) => ({ key, value: entry as unknown })),
  )
  return liquid
}

function asTag(condition: string): string {
  if (/%\}|\{%/.test(condition)) throw new Error('a condition has no {% … %} around it and none inside')
  const bare = /^\s*\$?\{\{((?:(?!\}\}).)*)\}\}\s*$/s.exec(condition)?.[1] ?? condition
  assertAlternating(bare)
  return `{% if ${bare.replaceAll(/\s+/g, ' ')} %}yes{% endif %}`
}

// Liquid drops what it cannot place (`a b`, `a and`), and a condition that means something else must not hold.
function assertAlternating(condition: string): void {
  let wantsOperand = true
  for (const token of new Tokenizer(condition).readExpressionTokens()) {
    const isOperator = TypeGuards.isOperatorToken(token)
    if (isOperator && token.operator === 'not' && wantsOperand) continue
    if (isOperator === wantsOperand)
      throw new Error(`${wantsOperand ? 'a value' : 'an operator'} is missing before ${token.getText()}`)
    wantsOperand = isOperator
  }
  if (wantsOperand) throw new Error('a value is missing at its end')
}

function plain(scope: Scope): Record<string, unknown> {
  return { ...scope }
}

function excerpt(template: string): string {
  return template.length > 80 ? `${template.slice(0, 80)}…` : template
}
