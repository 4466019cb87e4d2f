import * as vscode from 'vscode';
import { type Row, spokenRow } from '../../core/row.ts';

const COLORS = { good: 'testing.iconPassed', bad: 'testing.iconFailed', warning: 'list.warningForeground' } as const;

/** A view of rows, which asks for them again when told to. */
export class RowsView implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  readonly tree: vscode.TreeView<Row>;
  private readonly roots: () => Row[];
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;

  constructor(id: string, roots: () => Row[]) {
    this.roots = roots;
    this.tree = vscode.window.createTreeView(id, { treeDataProvider: this, showCollapseAll: false });
  }

  refresh(): void {
    this.changed.fire();
  }

  getChildren(row?: Row): Row[] {
    return row ? (row.children ?? []) : this.roots();
  }

  getTreeItem(row: Row): vscode.TreeItem {
    const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(row.label, row.children?.length ? (row.expanded ? Expanded : Collapsed) : None);
    item.id = row.id;
    item.iconPath = new vscode.ThemeIcon(row.icon, row.tone && new vscode.ThemeColor(COLORS[row.tone]));
    item.tooltip = row.tooltip ?? [row.label, row.description].filter(Boolean).join(': ');
    item.accessibilityInformation = { label: spokenRow(row) };
    if (row.description !== undefined) item.description = row.description;
    if (row.context !== undefined) item.contextValue = row.context;
    return item;
  }

  dispose(): void {
    this.tree.dispose();
    this.changed.dispose();
  }
}
