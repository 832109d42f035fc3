package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Complete tells the completion scripts what values there are. A key is a command below root
// and one of its flags ("run --format"), or a command alone for its arguments ("rules"); "*"
// stands for every command that has the flag. A value that ends in = or : is the beginning of
// one, behind which names of files are completed or nothing is. Where values are not known, names of files are
// completed.
func Complete(root *cobra.Command, values map[string][]string) {
	for key, list := range values {
		path, flag, isFlag := strings.Cut(key, " --")
		complete := func(_ *cobra.Command, _ []string, begun string) (fit []cobra.Completion, how cobra.ShellCompDirective) {
			how = cobra.ShellCompDirectiveNoFileComp
			if name, _, ok := strings.Cut(begun, "="); ok && slices.Contains(list, name+"=") {
				return nil, cobra.ShellCompDirectiveDefault
			}
			before := begun[:strings.LastIndexByte(begun, ',')+1] // of a list, the last one is completed
			for _, v := range list {
				if strings.HasPrefix(v, begun[len(before):]) {
					fit = append(fit, before+v)
					if strings.HasSuffix(v, "=") || strings.HasSuffix(v, ":") {
						how |= cobra.ShellCompDirectiveNoSpace
					}
				}
			}
			return fit, how
		}
		found := false
		each(root, func(cmd *cobra.Command) {
			if name := strings.TrimPrefix(cmd.CommandPath(), root.Name()+" "); path != "*" && path != name {
				return
			}
			switch {
			case !isFlag:
				cmd.ValidArgsFunction = complete
				found = true
			case cmd.Flags().Lookup(flag) != nil:
				if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
					panic(err) // two entries for one flag
				}
				found = true
			}
		})
		if !found {
			panic("cli: nothing to complete for " + key)
		}
	}
}
