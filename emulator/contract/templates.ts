/** The kinds of app that `windtunnel new` makes; each is a folder of snippets/templates. */
export const TEMPLATES = {
  image: 'an image from a prompt',
  streaming: 'text that comes word by word',
  realtime: 'frames over one connection',
  server: 'a server of your own, at exposed_port',
  container: 'an app in an image of its own (needs Docker)',
} as const;
export type Template = keyof typeof TEMPLATES;

export const isTemplate = (name: string): name is Template => Object.hasOwn(TEMPLATES, name);
