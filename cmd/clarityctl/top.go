package main

import "github.com/spf13/cobra"

func (c *ctl) top() *cobra.Command { return &cobra.Command{Use: "top"} }
func (c *ctl) rescueReport() *cobra.Command {
	return &cobra.Command{Use: "rescue-report", Hidden: true}
}
