import CLinux
@c(EdgeRelay_main)
public func edgerelayMain(_ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt { 0 }
