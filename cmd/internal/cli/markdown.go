package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Markdown is the reference of a command and all below it, as Markdown.
func Markdown(root *cobra.Command) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", root.Name(), root.Long)
	b.WriteString("\n| command | |\n|---|---|\n")
	each(root, func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", path, strings.ReplaceAll(path, " ", "-"), cmd.Short)
	})
	fmt.Fprintf(&b, "\n`%s completion bash|zsh|fish|powershell` writes a completion script for that shell.\n", root.Name())
	var group *cobra.Command
	each(root, func(cmd *cobra.Command) {
		if above := cmd.Parent(); above != root && above != group { // what its commands have in common
			group = above
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", group.CommandPath(), codeOf(group.Long))
		}
		fmt.Fprintf(&b, "\n## %s\n\n", cmd.CommandPath())
		text := cmd.Long
		if text == "" {
			text = cmd.Short
		}
		fmt.Fprintf(&b, "%s\n\n    %s\n", codeOf(text), cmd.UseLine())
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n\n%s\n", indent(cmd.Example))
		}
		var flags strings.Builder
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			kind, usage := pflag.UnquoteUsage(f)
			if kind != "" {
				name += " " + kind
			}
			value := ""
			switch {
			case f.Name == "jobs": // follows the machine
			case slices.Contains([]string{"", "[]", "false", "0", "0s"}, f.DefValue): // as in --help, zero goes without saying
			default:
				value = fmt.Sprintf(" (default %s)", f.DefValue)
			}
			fmt.Fprintf(&flags, "| `%s` | %s%s |\n", name, strings.ReplaceAll(usage, "|", "\\|"), value)
		})
		if flags.Len() > 0 {
			fmt.Fprintf(&b, "\n| flag | |\n|---|---|\n%s", flags.String())
		}
	})
	return []byte(b.String())
}

// each calls f for the commands below root that do something, in their order.
func each(root *cobra.Command, f func(*cobra.Command)) {
	for _, cmd := range root.Commands() {
		if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		if !cmd.HasSubCommands() {
			f(cmd)
		}
		each(cmd, f)
	}
}

// codeOf makes code blocks of the indented lines of a help text.
func codeOf(text string) string {
	var lines []string
	before := ""
	for l := range strings.Lines(text) {
		if l = strings.TrimSuffix(l, "\n"); strings.HasPrefix(l, "  ") {
			if l = "  " + l; before != "" && !strings.HasPrefix(before, "  ") {
				lines = append(lines, "") // a block does not begin within a paragraph
			}
		}
		lines = append(lines, l)
		before = l
	}
	return strings.Join(lines, "\n")
}

// indent is an example as a code block.
func indent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight("    "+strings.TrimPrefix(l, "  "), " ")
	}
	return strings.Join(lines, "\n")
}
