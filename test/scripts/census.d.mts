export function leftProcesses(runFolder: string): { pid: number; command: string }[];
export function leftFiles(runFolder: string): Promise<string[]>;
