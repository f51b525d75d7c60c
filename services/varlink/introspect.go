package varlink

import "encoding/json"

// service is the interface that every varlink service has.
const service = "org.varlink.service"

// Service is a program that offers one interface beside varlink's own.
type Service struct {
	Product     string
	Interface   string
	Description string // of the interface, in varlink's language
}

// Introspect answers the calls of org.varlink.service: with parameters or, when
// name is not "", with an error. To a method of another interface it answers
// that there is none.
func (s Service) Introspect(method string, args json.RawMessage) (parameters any, name string) {
	switch method {
	case service + ".GetInfo":
		return map[string]any{"vendor": "ClarityOS", "product": s.Product, "version": "1", "url": "",
			"interfaces": []string{service, s.Interface}}, ""
	case service + ".GetInterfaceDescription":
		var a struct {
			Interface string `json:"interface"`
		}
		if json.Unmarshal(args, &a) != nil {
			return Fault{Parameter: "interface"}, ErrInvalidParameter
		}
		switch a.Interface {
		case s.Interface:
			return map[string]string{"description": s.Description}, ""
		case service:
			return map[string]string{"description": serviceDescription}, ""
		}
		return Fault{Interface: a.Interface}, ErrInterfaceNotFound
	}
	return Fault{Method: method}, ErrMethodNotFound
}

const serviceDescription = `# What every varlink service offers.
interface org.varlink.service

# Who it is and which interfaces it has.
method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)
# The description of one of its interfaces.
method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
error PermissionDenied ()
error ExpectedMore ()
`
